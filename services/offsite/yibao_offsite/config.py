"""The configuration of the offsite service; `config.example.toml` documents each key."""

from pydantic import Field

from yibao_common.process.config import FileName, Section, ServiceConfig


class AuditsConfig(Section):
    """In how many working days audits of each type are reported, and when assistance is asked."""

    # A calendar of working days; the national one where no file is named.
    calendar_file: FileName | None = None
    on_site_days: int = Field(default=10, ge=1, le=365)
    post_surgery_visit_days: int = Field(default=10, ge=1, le=365)
    admission_check_days: int = Field(default=3, ge=1, le=365)
    self_service_check_days: int = Field(default=5, ge=1, le=365)
    complaint_days: int = Field(default=10, ge=1, le=365)
    # 苏医保发〔2022〕75号, article 56.
    assistance_minimum_fen: int = Field(default=3_000_000, ge=0)
    assistance_answer_day: int = Field(default=26, ge=1, le=28)
    assistance_confirm_days: int = Field(default=5, ge=1, le=365)


class ComplaintsConfig(Section):
    """In how many working days complaints are answered, and how many a party files a day."""

    answer_days: int = Field(default=15, ge=1, le=365)
    most_a_day: int = Field(default=10, ge=1, le=100_000)
    most_a_day_of_channel: int = Field(default=2_000, ge=1, le=1_000_000)


class OffsiteConfig(ServiceConfig):
    """Everything that the offsite service reads at its start."""

    audits: AuditsConfig = AuditsConfig()
    complaints: ComplaintsConfig = ComplaintsConfig()
