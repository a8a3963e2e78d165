"""The offsite service: registration for care in another region."""
