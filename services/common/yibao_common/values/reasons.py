"""Why a request is refused: one name for proto, Python, logs and documents.

`Reason` mirrors `yibao.common.v1.ErrorReason`; a contract test keeps the two equal.
Standard library only, because the rules of every service raise these.
"""

import enum


class Code(enum.Enum):
    """The gRPC status codes that a reason can map to, by their numbers on the wire."""

    INVALID_ARGUMENT = 3
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    INTERNAL = 13
    UNAVAILABLE = 14
    UNAUTHENTICATED = 16


class Reason(enum.Enum):
    """A reason with its gRPC code and what the person at the counter is told.

    The Chinese text is a fixed sentence without personal data, in the words of a counter
    (窗口); what varies stands in the metadata of the error. A reason that only an engineer
    can do something about has no sentence: the counter reads a code to pass on.
    """

    code: Code
    message_zh: str

    INTERNAL = (1, Code.INTERNAL, "系统异常，请重新提交原业务")
    CALLER_UNKNOWN = (2, Code.UNAUTHENTICATED)
    CALLER_NOT_ALLOWED = (3, Code.PERMISSION_DENIED)
    OUT_OF_SCOPE = (4, Code.PERMISSION_DENIED, "无权办理其他机构或统筹区的业务")
    RATE_LIMITED = (5, Code.RESOURCE_EXHAUSTED, "操作过于频繁，请稍后再试")
    MESSAGE_TOO_LARGE = (6, Code.RESOURCE_EXHAUSTED)
    OVERLOADED = (7, Code.UNAVAILABLE, "系统繁忙，请稍后重新提交原业务")
    REQUEST_ID_REUSED = (8, Code.ALREADY_EXISTS, "交易流水号重复，内容不一致")
    DEADLINE_INVALID = (9, Code.INVALID_ARGUMENT)

    DATABASE_UNAVAILABLE = (10, Code.UNAVAILABLE, "系统暂不可用，请稍后重新提交原业务")
    NO_SIGNING_KEY = (15, Code.UNAVAILABLE, "暂时无法签发，请稍后再试或改用社保卡")

    FIELDS_INVALID = (20, Code.INVALID_ARGUMENT, "多项内容有误")
    FIELD_REQUIRED = (21, Code.INVALID_ARGUMENT, "缺少必填项")
    FIELD_OUTPUT_ONLY = (22, Code.INVALID_ARGUMENT)
    FIELD_OUT_OF_RANGE = (23, Code.INVALID_ARGUMENT, "取值不在允许范围内")
    FIELD_LENGTH = (24, Code.INVALID_ARGUMENT, "长度或条数不符合要求")
    FIELD_MALFORMED = (25, Code.INVALID_ARGUMENT, "格式不正确")
    CITIZEN_NUMBER_INVALID = (26, Code.INVALID_ARGUMENT, "公民身份号码有误")
    DECIMAL_NEGATIVE = (27, Code.INVALID_ARGUMENT, "单价或数量不能为负")
    DECIMAL_TOO_PRECISE = (28, Code.INVALID_ARGUMENT, "小数位数过多")
    DATE_INVALID = (29, Code.INVALID_ARGUMENT, "日期不存在或年份超出范围")
    FIELD_UNKNOWN = (30, Code.INVALID_ARGUMENT)

    PERSON_EXISTS = (40, Code.ALREADY_EXISTS, "该证件已在本统筹区参保登记")
    PERSON_NOT_FOUND = (41, Code.NOT_FOUND, "未找到参保人")
    CERTIFICATE_EXISTS = (42, Code.ALREADY_EXISTS, "已有激活的医保电子凭证")
    CERTIFICATE_NOT_FOUND = (43, Code.NOT_FOUND, "未找到医保电子凭证")
    ECERT_NOT_ACTIVATED = (44, Code.FAILED_PRECONDITION, "医保电子凭证未激活")
    ECERT_SUSPENDED = (45, Code.FAILED_PRECONDITION, "医保电子凭证已暂停使用，请联系经办机构")
    PERSON_MERGED = (46, Code.FAILED_PRECONDITION, "该参保信息已合并，请重新查询参保人")
    MERGE_NOT_FOUND = (47, Code.NOT_FOUND, "未找到合并申请")
    MERGE_STATE = (48, Code.FAILED_PRECONDITION, "合并申请当前状态不允许此操作")
    ENROLMENT_NOT_FOUND = (49, Code.NOT_FOUND, "未找到参保信息")
    ENROLMENT_OVERLAP = (50, Code.FAILED_PRECONDITION, "与已有参保期间重叠")
    NEWBORN_ENROLMENT_LATE = (51, Code.FAILED_PRECONDITION, "新生儿参保已超过规定期限")
    PREMIUM_NOT_RECEIVED = (52, Code.FAILED_PRECONDITION, "参保费用尚未到账，暂不能报销")
    RELATION_NOT_ALLOWED = (53, Code.FAILED_PRECONDITION, "仅可共济近亲属的个人账户")
    RELATIVE_LINK_NOT_FOUND = (54, Code.NOT_FOUND, "未找到亲属绑定关系")
    RELATIVE_LINK_EXISTS = (55, Code.ALREADY_EXISTS, "该亲属已绑定")
    RELATIVE_LINK_STATE = (56, Code.FAILED_PRECONDITION, "亲属绑定当前状态不允许此操作")
    RELATIVE_LINK_LIMIT = (57, Code.FAILED_PRECONDITION, "亲属绑定数量已达上限")
    ID_REQUIRED = (58, Code.FAILED_PRECONDITION, "请出示持卡人有效身份证件")
    ID_MISMATCH = (59, Code.PERMISSION_DENIED, "身份证件与持卡人不符")

    QR_MALFORMED = (60, Code.INVALID_ARGUMENT, "不是有效的医保电子凭证二维码，请重新扫码")
    QR_UNKNOWN_KEY = (61, Code.FAILED_PRECONDITION, "二维码无效，请刷新后重扫")
    QR_BAD_SIGNATURE = (62, Code.FAILED_PRECONDITION, "二维码未通过验证，请刷新后重扫")
    QR_NOT_YET_VALID = (63, Code.FAILED_PRECONDITION, "二维码尚未生效，请核对手机和扫码设备的时间")
    QR_EXPIRED = (64, Code.FAILED_PRECONDITION, "二维码已过期，请刷新后重扫")
    CLOCK_SUSPECT = (65, Code.FAILED_PRECONDITION, "扫码时间异常，请核对扫码设备的时间后重扫")
    QR_WRONG_AUDIENCE = (66, Code.FAILED_PRECONDITION, "该二维码不适用于本业务，请重新出示")
    QR_STALE_TRUST = (67, Code.UNAVAILABLE, "扫码验证信息已过期，请联系信息部门，可改用社保卡")
    QR_ALREADY_USED = (68, Code.FAILED_PRECONDITION, "二维码已使用，请刷新后重扫")
    QR_SUPERSEDED = (69, Code.FAILED_PRECONDITION, "二维码已被新码取代，请刷新后重扫")
    NOT_CARDHOLDER = (70, Code.PERMISSION_DENIED, "出示的凭证与就诊人不符")
    QR_REVOKED = (71, Code.FAILED_PRECONDITION, "出示二维码的手机已停用，可改用社保卡")
    QR_BATCH_DISABLED = (72, Code.FAILED_PRECONDITION, "未开通离线二维码")
    TRUST_ROOT_NOT_FOUND = (73, Code.NOT_FOUND)
    STATUS_LIST_NOT_FOUND = (74, Code.NOT_FOUND)
    FEED_STALE = (75, Code.UNAVAILABLE, "参保信息长时间未更新，请联系信息部门")
    QR_WITHDRAWN = (76, Code.FAILED_PRECONDITION, "二维码已失效，请由参保人本人重新出示")
    QR_OTHER_REGION = (78, Code.FAILED_PRECONDITION, "二维码由其他统筹区签发，请核对参保地")

    VISIT_NOT_FOUND = (80, Code.NOT_FOUND, "未找到就诊登记")
    VISIT_EXISTS = (81, Code.ALREADY_EXISTS, "该就诊号已登记")
    INSTITUTION_NOT_DESIGNATED = (82, Code.FAILED_PRECONDITION, "该机构当日不是定点医药机构")
    INSTITUTION_NO_ECERT = (83, Code.FAILED_PRECONDITION, "该机构不支持医保电子凭证，请使用社保卡")
    PERSON_NOT_ENROLLED = (84, Code.FAILED_PRECONDITION, "参保人未在本统筹区正常参保")
    OFFSITE_NOT_REGISTERED = (85, Code.FAILED_PRECONDITION, "未办理异地就医备案")
    VISIT_DATE_INVALID = (86, Code.INVALID_ARGUMENT, "就诊日期晚于今日或距登记过久")
    VISIT_CANCELLED = (87, Code.FAILED_PRECONDITION, "该就诊登记已撤销，请重新登记")
    VISIT_SETTLED = (88, Code.FAILED_PRECONDITION, "该就诊已有结算或预结算占用，请先撤销")
    ENROLMENT_UNCONFIRMED = (89, Code.UNAVAILABLE, "暂时无法核实参保信息，请稍后重试")
    CARE_TYPE_UNKNOWN = (90, Code.INVALID_ARGUMENT, "不在国家医疗类别代码表内")
    CARE_TYPE_NOT_ALLOWED = (91, Code.FAILED_PRECONDITION, "该医疗类别不能办理此业务")
    STAY_OPEN_ELSEWHERE = (92, Code.FAILED_PRECONDITION, "参保人有未办理出院的住院登记，请先出院")
    TRANSFER_INVALID = (93, Code.FAILED_PRECONDITION, "原住院未出院、晚于本次入院或已转入他处")
    VISIT_INCOMPLETE = (94, Code.FAILED_PRECONDITION, "尚未登记，请补充后再结算")
    VISIT_DISCHARGED = (95, Code.FAILED_PRECONDITION, "已办理出院，如需更改请先撤销出院")
    DISCHARGE_DATE_INVALID = (
        96,
        Code.INVALID_ARGUMENT,
        "出院日期早于入院或已中途结算的日期，或晚于今日",
    )
    INTERIM_NOT_ALLOWED = (97, Code.FAILED_PRECONDITION, "已出院或已出院结算，不能再中途结算")
    MAIN_DIAGNOSIS_INVALID = (98, Code.INVALID_ARGUMENT, "主要诊断应有且仅有一个，并排在首位")
    OPERATION_DATE_INVALID = (99, Code.INVALID_ARGUMENT, "手术日期不在就诊期间内")

    CATALOGUE_ITEM_UNKNOWN = (100, Code.INVALID_ARGUMENT, "项目不在医保目录内")
    LINE_AMOUNT_MISMATCH = (101, Code.INVALID_ARGUMENT, "明细金额不等于单价乘以数量")
    BILL_TOTAL_MISMATCH = (102, Code.INVALID_ARGUMENT, "明细合计与费用总额不符")
    LINE_NUMBER_REPEATED = (103, Code.INVALID_ARGUMENT, "明细序号重复")
    SERVICE_DATE_INVALID = (104, Code.INVALID_ARGUMENT, "费用日期早于就诊或晚于今日")
    POLICY_NOT_FOUND = (105, Code.FAILED_PRECONDITION, "当日没有执行的待遇政策")
    POLICY_NO_MATCHING_ROW = (106, Code.FAILED_PRECONDITION, "未找到适用的待遇标准")
    BILL_ALREADY_SETTLED = (107, Code.ALREADY_EXISTS, "该单据已结算")
    SETTLEMENT_NOT_FOUND = (108, Code.NOT_FOUND, "未找到结算记录")
    SETTLEMENT_REVERSED = (109, Code.FAILED_PRECONDITION, "该结算已撤销")
    READJUDICATION_FAILED = (
        330,
        Code.FAILED_PRECONDITION,
        "撤销后参保人之后的结算无法重新计算，请联系经办机构",
    )
    AMOUNTS_NOT_CONFIRMED = (
        331,
        Code.FAILED_PRECONDITION,
        "退费、更正或撤销后个人支付增加，请先试算并经参保人确认",
    )
    LATER_SETTLEMENTS_EXIST = (
        332,
        Code.FAILED_PRECONDITION,
        "参保人之后另有结算，请按先后倒序撤销",
    )
    ACCOUNT_NOT_FOUND = (110, Code.NOT_FOUND, "未找到个人账户")
    TRACE_MISMATCH = (111, Code.FAILED_PRECONDITION, "结算记录核对不一致，请联系经办机构")
    POLICY_PAYS_TWICE = (
        112,
        Code.FAILED_PRECONDITION,
        "待遇政策对同一费用重复支付，请联系经办机构",
    )

    AMOUNTS_NOT_AS_EXPECTED = (
        113,
        Code.FAILED_PRECONDITION,
        "费用分担与试算时不同，请重新试算并经参保人确认",
    )
    ROW_REPEATED = (114, Code.INVALID_ARGUMENT, "同一批导入中有重复的记录")
    FIRST_SELF_PAY_RATIO_INVALID = (115, Code.INVALID_ARGUMENT, "先行自付比例与收费项目等级不符")
    RECHARGE_NOT_TAKEN = (116, Code.FAILED_PRECONDITION, "参保地未开通个人账户充值")

    POLICY_FILE_INVALID = (120, Code.INVALID_ARGUMENT, "待遇政策文件有误")
    SAME_MAKER_AND_CHECKER = (121, Code.FAILED_PRECONDITION, "经办与复核不能为同一人")
    POLICY_STATE = (122, Code.FAILED_PRECONDITION, "待遇政策当前状态不允许此操作")
    POLICY_OVERLAP = (123, Code.FAILED_PRECONDITION, "与已执行的待遇政策日期重叠")
    POLICY_VERSION_UNKNOWN = (124, Code.NOT_FOUND, "未找到该版本的待遇政策")
    POLICY_LEAVES_GAP = (125, Code.FAILED_PRECONDITION, "该待遇政策到期后，将没有执行中的待遇政策")
    POLICY_NOT_IN_FORCE = (126, Code.FAILED_PRECONDITION, "该待遇政策在费用日期未执行")
    FACT_MISSING = (127, Code.FAILED_PRECONDITION, "办理结算所需的信息不全")
    PARAMETER_NOT_IN_FORCE = (128, Code.FAILED_PRECONDITION, "待遇政策所用基数当日尚未公布")
    GIVEN_EXCEEDS_BASE = (129, Code.FAILED_PRECONDITION, "他方已付金额超过可抵扣的费用")
    GIVEN_UNKNOWN = (130, Code.FAILED_PRECONDITION, "他方已付的资金类型不在待遇政策内")
    LINE_OUT_OF_COVER = (131, Code.FAILED_PRECONDITION, "明细日期不在参保待遇期内")
    LINE_NEGATIVE = (132, Code.INVALID_ARGUMENT, "负数明细须对原单据办理退费")
    LINE_OUTSIDE_VISIT = (133, Code.INVALID_ARGUMENT, "明细日期不在就诊和结算期间内")

    REGISTRATION_NOT_FOUND = (140, Code.NOT_FOUND, "未找到异地就医备案")
    REGION_EXCLUDED = (141, Code.FAILED_PRECONDITION, "港澳台地区不在备案范围内")
    STAY_TOO_SHORT = (142, Code.FAILED_PRECONDITION, "长期备案须在外居住超过六个月")
    REGISTER_IN_ADVANCE = (143, Code.FAILED_PRECONDITION, "须在就医前办理备案")
    REGISTRATION_STATE = (144, Code.FAILED_PRECONDITION, "备案当前状态不允许此操作")
    REGISTRATION_EXISTS = (145, Code.ALREADY_EXISTS, "同一地区和期间已有有效备案")

    CARD_EXISTS = (160, Code.ALREADY_EXISTS, "已有未注销的社会保障卡，或卡号已被使用")
    CARD_NOT_FOUND = (161, Code.NOT_FOUND, "未找到社会保障卡")
    CARD_STATE = (162, Code.FAILED_PRECONDITION, "社会保障卡当前状态不允许此操作")
    CARD_NOT_ACTIVATED = (163, Code.FAILED_PRECONDITION, "社会保障卡未激活")
    CARD_RESTRICTED_NOT_ACTIVATED = (
        164,
        Code.FAILED_PRECONDITION,
        "社会保障卡逾期未激活，已限制使用，请到柜台办理",
    )
    CARD_REPORTED_LOST = (165, Code.FAILED_PRECONDITION, "社会保障卡已挂失")
    CARD_CLOSED = (166, Code.FAILED_PRECONDITION, "社会保障卡已注销或已补换")
    CARD_SUSPENDED = (167, Code.FAILED_PRECONDITION, "社会保障卡已暂停使用，请联系经办机构")
    CHANNEL_NOT_ALLOWED = (168, Code.FAILED_PRECONDITION, "该渠道不能办理此业务")
    ORIGINAL_REQUIRED = (169, Code.FAILED_PRECONDITION, "请出示社会保障卡原件")
    REGISTRATION_REQUIRED = (170, Code.FAILED_PRECONDITION, "首次在医院使用须先办理挂号或住院登记")
    MATERIAL_MISSING = (171, Code.FAILED_PRECONDITION, "缺少办理所需材料")
    REPLACEMENT_NOT_FOUND = (172, Code.NOT_FOUND, "未找到补卡申请")
    REPLACEMENT_EXISTS = (173, Code.ALREADY_EXISTS, "已申请补卡")
    REPLACEMENT_NOT_READY = (174, Code.FAILED_PRECONDITION, "补办的社会保障卡尚不能领取")
    PIN_INCORRECT = (175, Code.PERMISSION_DENIED, "密码错误")
    PIN_LOCKED = (176, Code.FAILED_PRECONDITION, "密码已锁定，请持身份证件到柜台重置")
    PIN_NOT_SET = (177, Code.FAILED_PRECONDITION, "尚未设置密码，请到柜台设置")
    PIN_ALREADY_SET = (178, Code.ALREADY_EXISTS, "已设置过密码")
    PIN_REPORTED_LOST = (179, Code.FAILED_PRECONDITION, "密码已挂失，请持身份证件到柜台重置")
    PIN_TOO_SIMPLE = (180, Code.INVALID_ARGUMENT, "密码过于简单")
    STATEMENT_PRINT_REQUIRED = (
        181,
        Code.FAILED_PRECONDITION,
        "交易次数已满，请打印交易记录后再使用",
    )
    CASH_WITHDRAWAL_FORBIDDEN = (
        182,
        Code.FAILED_PRECONDITION,
        "医保个人账户资金不得提取现金或转账",
    )
    NO_FINANCIAL_ACCOUNT = (183, Code.FAILED_PRECONDITION, "医保电子凭证没有金融账户")
    BANK_ACCOUNT_ELSEWHERE = (184, Code.FAILED_PRECONDITION, "金融账户业务请到发卡银行办理")
    CREDENTIAL_NOT_FOUND = (185, Code.NOT_FOUND, "未找到该凭证")
    MISUSE_CASE_NOT_FOUND = (186, Code.NOT_FOUND, "未找到该案件")
    MISUSE_CASE_STATE = (187, Code.FAILED_PRECONDITION, "案件当前状态不允许此操作")
    PERSON_DECEASED = (190, Code.FAILED_PRECONDITION, "参保人已登记死亡")
    DEATH_NOT_FOUND = (191, Code.NOT_FOUND, "未找到死亡登记")
    FIRST_USE_UNCONFIRMED = (
        192,
        Code.UNAVAILABLE,
        "暂时无法核实就诊登记或定点资格，请稍后再试，或到柜台激活",
    )
    NUMBER_HELD_BEFORE = (
        193,
        Code.FAILED_PRECONDITION,
        "该证件号码曾登记在他人名下，请核实是否同一人，由另一名经办人员办理",
    )
    ID_CHECK_LOCKED = (
        195,
        Code.FAILED_PRECONDITION,
        "身份证件多次核对不符，已暂停核对一天，请改日再办",
    )
    DEVICE_NOT_FOUND = (200, Code.NOT_FOUND, "未找到该设备")
    DEVICE_EXISTS = (201, Code.ALREADY_EXISTS, "该设备已登记")
    DEVICE_LIMIT = (202, Code.FAILED_PRECONDITION, "登记的设备数量已达上限")
    DEVICE_REVOKED = (203, Code.FAILED_PRECONDITION, "该设备已停用，请重新登记")
    DEVICE_CLONE_SUSPECTED = (
        204,
        Code.FAILED_PRECONDITION,
        "该设备存在安全风险，已停用，请重新登记",
    )
    DEVICE_KEY_REFUSED = (205, Code.INVALID_ARGUMENT)
    DEVICE_CHALLENGE_INVALID = (206, Code.FAILED_PRECONDITION, "设备验证已过期，请重试")
    DEVICE_PROOF_INVALID = (207, Code.PERMISSION_DENIED)
    DISEASE_NOT_FOUND = (208, Code.NOT_FOUND, "未找到慢特病备案")
    DISEASE_OVERLAP = (209, Code.FAILED_PRECONDITION, "与该病种已有备案期间重叠")

    LINE_ID_REPEATED = (301, Code.INVALID_ARGUMENT, "费用明细流水号重复")
    LINE_ID_REUSED = (302, Code.ALREADY_EXISTS, "费用明细流水号已上传过，内容不一致")
    LINE_NOT_FOUND = (303, Code.NOT_FOUND, "未找到该费用明细")
    LINE_SETTLED = (304, Code.FAILED_PRECONDITION, "该费用明细已结算，请先撤销结算或办理退费")
    RETURNED_LINE_UNKNOWN = (305, Code.INVALID_ARGUMENT, "未找到被退的费用明细")
    RETURN_EXCEEDS_LINE = (306, Code.INVALID_ARGUMENT, "退费数量超过该明细剩余数量")
    RETURN_NOT_OF_LINE = (307, Code.INVALID_ARGUMENT, "退费明细与被退明细的项目或单价不一致")
    LINES_ALREADY_SETTLED = (308, Code.ALREADY_EXISTS, "相同的费用明细已在本次就诊的其他单据中结算")
    LINE_LIMIT = (309, Code.FAILED_PRECONDITION, "本次就诊上传的费用明细数量已达上限")

    REVIEW_NOT_FOUND = (320, Code.NOT_FOUND, "未找到该复核记录")
    REVIEW_STATE = (321, Code.FAILED_PRECONDITION, "该复核记录的当前状态不允许此操作")
    DIFFERENCE_NOT_OPEN = (340, Code.FAILED_PRECONDITION, "金额超过参保人与基金间的应退应补余额")
    DIFFERENCE_ORDER_NOT_FOUND = (341, Code.NOT_FOUND, "未查到该差额处理单")
    DIFFERENCE_ORDER_STATE = (342, Code.FAILED_PRECONDITION, "该差额处理单的当前状态不允许此操作")
    DIFFERENCE_ORDER_WAITS = (343, Code.FAILED_PRECONDITION, "该参保人已有待复核的差额处理单")
    NOTHING_TO_REPAIR = (344, Code.FAILED_PRECONDITION, "该参保人的结算结果无需修复")
    REPAIR_NOT_FOUND = (345, Code.NOT_FOUND, "未查到该修复单")
    REPAIR_STATE = (346, Code.FAILED_PRECONDITION, "该修复单的当前状态不允许此操作")
    DUE_NOT_OPEN = (347, Code.FAILED_PRECONDITION, "应退回个人账户的金额与所见不一致或已为零")
    HOLD_NOT_FOUND = (360, Code.NOT_FOUND, "未查到该笔预结算占用")
    HOLD_EXPIRED = (361, Code.FAILED_PRECONDITION, "预结算占用已过有效期，请参保人重新出示医保码")
    HOLD_RELEASED = (362, Code.FAILED_PRECONDITION, "该笔预结算占用已撤销")
    HOLD_CONFIRMED = (363, Code.FAILED_PRECONDITION, "该笔预结算占用已完成结算")
    HOLDS_TOO_MANY = (364, Code.FAILED_PRECONDITION, "该参保人未完成的预结算过多，请先完成或撤销")
    PERIOD_NOT_OVER = (380, Code.FAILED_PRECONDITION, "该结算月尚未结束，不能关账")
    PERIOD_OUT_OF_ORDER = (381, Code.FAILED_PRECONDITION, "须逐月关账，请先关闭更早的结算月")
    PERIOD_CLOSED = (382, Code.FAILED_PRECONDITION, "该结算月已关账")
    PERIOD_CLOSE_NOT_FOUND = (383, Code.NOT_FOUND, "未查到该关账申请")
    PERIOD_CLOSE_STATE = (
        384,
        Code.FAILED_PRECONDITION,
        "该结算月的金额与所见不一致，请重新核对",
    )
    REPRICING_NOT_FOUND = (400, Code.NOT_FOUND, "未查到该重新核定单")
    REPRICING_STATE = (401, Code.FAILED_PRECONDITION, "该重新核定单的当前状态不允许此操作")
    NOTHING_TO_REPRICE = (402, Code.FAILED_PRECONDITION, "所选范围内没有可重新核定的结算")
    PRICES_NOT_KEPT = (403, Code.FAILED_PRECONDITION, "该结算的明细未保存单价，无法重新核定")
    YEAR_NOT_OVER = (404, Code.FAILED_PRECONDITION, "该医保年度尚未结束，不能年度结转")
    YEAR_OUT_OF_ORDER = (405, Code.FAILED_PRECONDITION, "须逐年结转，请先结转更早的医保年度")
    YEAR_CLOSED = (406, Code.FAILED_PRECONDITION, "该医保年度已结转")
    YEAR_CLOSE_NOT_FOUND = (407, Code.NOT_FOUND, "未查到该年度结转申请")
    YEAR_CLOSE_STATE = (408, Code.FAILED_PRECONDITION, "年度结转申请的内容与所见不一致，请重新核对")
    YEAR_STATEMENT_NOT_FOUND = (409, Code.NOT_FOUND, "未查到该参保人该年度的结转清单")
    OVERRIDE_NOT_FOUND = (410, Code.NOT_FOUND, "未查到该越序撤销申请")
    OVERRIDE_STATE = (411, Code.FAILED_PRECONDITION, "该越序撤销申请的当前状态不允许此操作")
    NOTHING_TO_OVERRIDE = (412, Code.FAILED_PRECONDITION, "该结算可直接办理，无需越序撤销")
    REQUEST_FENCED = (413, Code.FAILED_PRECONDITION, "该笔业务已按未办理处理，请重新发起")
    REQUEST_OUTCOME_UNKNOWN = (
        414,
        Code.FAILED_PRECONDITION,
        "原业务结果无法查询，请重新提交原业务",
    )
    REGION_NOT_SERVED = (420, Code.FAILED_PRECONDITION, "参保地的业务不在本系统办理，请核对参保地")
    TOKEN_MALFORMED = (421, Code.INVALID_ARGUMENT, "身份识别结果无效，请重新扫码或刷卡")
    TOKEN_NOT_FOUND = (422, Code.NOT_FOUND, "未查到该身份识别结果，请重新扫码或刷卡")
    TOKEN_EXPIRED = (423, Code.FAILED_PRECONDITION, "身份识别结果已过期，请重新扫码或刷卡")
    TOKEN_ALREADY_USED = (424, Code.FAILED_PRECONDITION, "身份识别结果已使用，请重新扫码或刷卡")
    TOKEN_WRONG_AUDIENCE = (
        425,
        Code.FAILED_PRECONDITION,
        "身份识别结果不适用于本业务，请重新扫码或刷卡",
    )
    TOKEN_OTHER_REGION = (426, Code.FAILED_PRECONDITION, "身份识别结果属于其他统筹区，请核对参保地")
    DECLARATION_SUMS_DIFFER = (430, Code.FAILED_PRECONDITION, "申报金额与医保系统不一致，请先对账")
    DECLARATION_EXISTS = (431, Code.FAILED_PRECONDITION, "该月该清算类别已申报")
    DECLARATION_EMPTY = (432, Code.FAILED_PRECONDITION, "该月没有可申报的结算数据")
    DECLARATION_NOT_FOUND = (433, Code.NOT_FOUND, "未查到该月结申报")
    DECLARATION_STATE = (434, Code.FAILED_PRECONDITION, "该月结申报的当前状态不允许此操作")
    DEDUCTION_NOT_FOUND = (435, Code.NOT_FOUND, "未查到该扣款")
    DEDUCTION_STATE = (436, Code.FAILED_PRECONDITION, "该扣款的当前状态不允许此操作")
    DEDUCTION_EXCEEDS = (437, Code.FAILED_PRECONDITION, "扣款金额超过该基金的申报金额")
    DEDUCTION_SETTLEMENT = (
        438,
        Code.FAILED_PRECONDITION,
        "扣款所涉结算不在该机构的申报内，或扣款超过其基金支付额",
    )
    DEDUCTION_WAITS = (439, Code.FAILED_PRECONDITION, "该月结申报有扣款，请先处理")
    INSTITUTION_PAYMENT_NOT_FOUND = (440, Code.NOT_FOUND, "未查到该拨付单")
    INSTITUTION_PAYMENT_STATE = (
        441,
        Code.FAILED_PRECONDITION,
        "该拨付单的当前状态或金额不允许此操作",
    )
    PAYMENT_NEGATIVE = (442, Code.FAILED_PRECONDITION, "应付金额为负，请与以后月份合并拨付")
    BANK_REFERENCE_USED = (443, Code.ALREADY_EXISTS, "该银行流水号已用于其他拨付单")
    OTHER_INSTITUTION = (444, Code.INVALID_ARGUMENT, "一张拨付单只能用于一家机构")
    DEPOSIT_MOVE_NOT_FOUND = (445, Code.NOT_FOUND, "未查到该质量保证金处理单")
    DEPOSIT_MOVE_STATE = (446, Code.FAILED_PRECONDITION, "该质量保证金处理单的当前状态不允许此操作")
    DEPOSIT_EXCEEDED = (447, Code.FAILED_PRECONDITION, "金额超过尚未处理的质量保证金")
    CREDIT_KEY_USED = (450, Code.ALREADY_EXISTS, "该笔入账的业务号已入账，金额不一致，请核对")
    CREDIT_NOT_FOUND = (451, Code.NOT_FOUND, "未查到该笔入账")
    CREDIT_NOT_LEFT = (452, Code.FAILED_PRECONDITION, "该笔入账可冲回的金额不足，请重新核对")
    ACCOUNT_CLOSED = (453, Code.FAILED_PRECONDITION, "该个人账户已清算或转出，不能再入账")
    ACCOUNT_ORDER_NOT_FOUND = (454, Code.NOT_FOUND, "未查到该个人账户业务单")
    ACCOUNT_ORDER_STATE = (455, Code.FAILED_PRECONDITION, "该业务单的状态或金额与所见不一致")
    ACCOUNT_ORDER_WAITS = (456, Code.FAILED_PRECONDITION, "该参保人另有业务单待复核，请先复核")
    CASH_NOT_PAID = (
        457,
        Code.FAILED_PRECONDITION,
        "个人账户不支付现金；身故、出国（境）定居、终止参保的，请到参保地医保经办窗口申请",
    )
    PAY_OUT_NOT_OPEN = (458, Code.FAILED_PRECONDITION, "个人账户可支付的金额与所见不一致或为零")
    ALLOCATION_NOT_FOUND = (459, Code.NOT_FOUND, "未查到该次个人账户划账")
    ALLOCATION_RUNNING = (460, Code.FAILED_PRECONDITION, "该险种该月的划账正在进行，请等待完成")
    CREDIT_POLICY_NOT_FOUND = (461, Code.NOT_FOUND, "未查到该划账规则，或该月无已批准的划账规则")
    CREDIT_POLICY_STATE = (462, Code.FAILED_PRECONDITION, "该划账规则的当前状态不允许此操作")
    TRANSFER_NOT_FOUND = (463, Code.NOT_FOUND, "未查到该笔个人账户转移")
    TRANSFER_STATE = (464, Code.FAILED_PRECONDITION, "该笔个人账户转移的状态或金额不允许此操作")
    ACCOUNT_RECORD_UNAVAILABLE = (465, Code.UNAVAILABLE, "个人账户明细暂时无法打印，请稍后重试")

    ACCOUNT_CLOSE_FILE_INVALID = (480, Code.INVALID_ARGUMENT, "个人账户年度结转规则文件有误")
    ACCOUNT_CLOSE_NOT_FOUND = (481, Code.NOT_FOUND, "未查到该个人账户年度结转申请")
    ACCOUNT_CLOSE_STATE = (
        482,
        Code.FAILED_PRECONDITION,
        "个人账户年度结转申请的内容与所见不一致，请重新核对",
    )
    ACCOUNTS_CLOSED = (483, Code.FAILED_PRECONDITION, "该年度的个人账户已结转或正在结转")
    YEAR_NOT_TAKEN = (484, Code.FAILED_PRECONDITION, "该医保年度尚未结转完毕，请先完成年度结转")
    CLOSED_ACCOUNT_NOT_FOUND = (485, Code.NOT_FOUND, "未查到该参保人该年度的个人账户结转记录")
    CATALOGUE_VERSION_UNKNOWN = (490, Code.NOT_FOUND, "未查到该目录版本")
    CATALOGUE_VERSION_STATE = (491, Code.FAILED_PRECONDITION, "该目录版本的当前状态不允许此操作")
    CATALOGUE_VERSION_OF_ANOTHER = (492, Code.PERMISSION_DENIED, "该目录版本由其他经办人录入")
    CATALOGUE_CHUNK_CHANGED = (493, Code.ALREADY_EXISTS, "该批次号已上传过不同的内容")
    CATALOGUE_VERSION_INCOMPLETE = (
        494,
        Code.FAILED_PRECONDITION,
        "目录条数与上传条数不一致，或没有可用的行",
    )
    CATALOGUE_ROWS_REFUSED = (495, Code.FAILED_PRECONDITION, "目录中有未通过校验的行，请更正")
    CATALOGUE_VERSION_OVERTAKEN = (
        496,
        Code.FAILED_PRECONDITION,
        "提交后该目录已有新版本生效，请重新提交并核对",
    )
    CATALOGUE_PAST_DAYS = (497, Code.FAILED_PRECONDITION, "该目录版本涉及已过去的日期，请确认")
    CATALOGUE_SHARE_MISSING = (498, Code.FAILED_PRECONDITION, "有项目缺少先自付比例，请先审核比例")
    CATALOGUE_ITEM_IN_VERSIONS = (499, Code.FAILED_PRECONDITION, "该项目按目录版本管理，请提交版本")
    CATALOGUE_APPROVAL_REQUIRED = (500, Code.FAILED_PRECONDITION, "限价和先自付比例须经他人复核")
    CATALOGUE_TERM_UNKNOWN = (501, Code.INVALID_ARGUMENT, "编码不在当日的字典内")
    OWN_CODE_UNMAPPED = (
        510,
        Code.FAILED_PRECONDITION,
        "该院内项目尚未对照医保目录，请先完成目录对照",
    )
    MAPPING_CONFLICT = (511, Code.ALREADY_EXISTS, "该院内项目在相同日期已对照其他医保项目")
    MAPPING_NOT_FOUND = (512, Code.NOT_FOUND, "未查到该目录对照")
    MAPPING_STATE = (513, Code.FAILED_PRECONDITION, "该目录对照的当前状态不允许此操作")
    INSTITUTION_SUSPENDED = (514, Code.FAILED_PRECONDITION, "该机构当日已暂停医保结算")
    DEPARTMENT_SUSPENDED = (515, Code.FAILED_PRECONDITION, "该科室当日已暂停医保结算")
    DOCTOR_SUSPENDED = (516, Code.FAILED_PRECONDITION, "该医师当日已暂停医保支付资格")
    LINE_BORNE_BY_INSTITUTION = (
        517,
        Code.FAILED_PRECONDITION,
        "该明细由医疗机构承担，不得向参保人收取",
    )
    INSTITUTION_NOT_NETWORKED = (
        518,
        Code.FAILED_PRECONDITION,
        "该机构未开通此类医疗费用的联网结算",
    )
    DOCTOR_NOT_FOUND = (519, Code.NOT_FOUND, "未查到该医师")
    DEPARTMENT_NOT_FOUND = (520, Code.NOT_FOUND, "未查到该科室")
    SUSPENSION_NOT_FOUND = (521, Code.NOT_FOUND, "未查到该暂停记录")
    SUSPENSION_STATE = (522, Code.FAILED_PRECONDITION, "该暂停已解除")
    NOT_A_SANDBOX = (530, Code.FAILED_PRECONDITION)
    SANDBOX_CLOCK_BACK = (531, Code.FAILED_PRECONDITION)
    OFFSITE_FEED_STALE = (540, Code.UNAVAILABLE, "异地就医备案信息长时间未更新，请联系信息部门")
    REGISTRATION_CHANNEL_CLOSED = (545, Code.FAILED_PRECONDITION, "该备案类型未开通此办理渠道")
    REGISTRATION_BASIS_NOT_ACCEPTED = (
        546,
        Code.FAILED_PRECONDITION,
        "该备案类型不接受此种证明方式",
    )
    SELF_SERVICE_LIMITED = (
        547,
        Code.FAILED_PRECONDITION,
        "因承诺不实，自助备案已受限，请到窗口办理",
    )
    REFERRAL_NOT_ENTITLED = (548, Code.PERMISSION_DENIED, "该机构无转诊备案资格")
    CHANGE_NOT_YET_ALLOWED = (
        550,
        Code.FAILED_PRECONDITION,
        "承诺制备案未满规定期限，暂不能变更或取消",
    )
    SEVERAL_PLACES_NEED_PROOF = (
        551,
        Code.FAILED_PRECONDITION,
        "同时备案多地须提供证明材料，不适用承诺制",
    )
    REGISTRATION_NOT_EXTENDABLE = (
        553,
        Code.FAILED_PRECONDITION,
        "该备案不能延期，或所申请的期限超出规定",
    )
    OFFSITE_RULES_INVALID = (554, Code.INVALID_ARGUMENT, "异地就医备案规则文件有误")
    OFFSITE_RULES_NOT_FOUND = (555, Code.NOT_FOUND, "未找到异地就医备案规则")
    OFFSITE_RULES_STATE = (556, Code.FAILED_PRECONDITION, "该备案规则当前状态不允许此操作")
    MATERIAL_NOT_FOUND = (565, Code.NOT_FOUND, "未查到该材料")
    MATERIAL_STATE = (566, Code.FAILED_PRECONDITION, "该材料的当前状态不允许此操作")
    MATERIAL_KIND_UNKNOWN = (567, Code.INVALID_ARGUMENT, "材料种类不在目录内")
    MATERIAL_TOO_LARGE = (568, Code.INVALID_ARGUMENT, "文件过大，请压缩或分开提交")
    MATERIAL_LIMIT_REACHED = (569, Code.RESOURCE_EXHAUSTED, "未完成或未使用的材料过多，请先清理")
    MATERIAL_PART_WRONG = (570, Code.INVALID_ARGUMENT, "文件分段有误，请重新上传")
    MATERIAL_PART_CHANGED = (571, Code.ALREADY_EXISTS, "该分段已上传过不同的内容，请重新上传")
    MATERIAL_HASH_WRONG = (572, Code.INVALID_ARGUMENT, "文件内容与申报不一致，请重新上传")
    MATERIAL_INCOMPLETE = (573, Code.FAILED_PRECONDITION, "文件尚未传完")
    MATERIAL_TYPE_REFUSED = (
        574,
        Code.INVALID_ARGUMENT,
        "文件类型不符或夹带其他内容，请提交扫描件或照片",
    )
    MATERIAL_RESTRICTED = (575, Code.PERMISSION_DENIED, "该材料仅限指定人员查阅")
    MATERIAL_ALTERED = (576, Code.FAILED_PRECONDITION, "该材料与提交时不一致，请勿采用并立即上报")
    MATERIALS_NOT_KEPT = (577, Code.FAILED_PRECONDITION, "本地尚未开通材料上传，请到窗口提交")
    MATERIAL_NOT_FITTING = (578, Code.FAILED_PRECONDITION, "该材料的人员、种类或用途不符")
    ATTESTATION_MALFORMED = (580, Code.INVALID_ARGUMENT, "备案凭证格式不正确，请重新获取")
    ATTESTATION_UNKNOWN_KEY = (581, Code.FAILED_PRECONDITION, "备案凭证无效，请重新获取")
    ATTESTATION_BAD_SIGNATURE = (582, Code.FAILED_PRECONDITION, "备案凭证未通过验证，请重新获取")
    ATTESTATION_NOT_YET_VALID = (583, Code.FAILED_PRECONDITION, "备案凭证尚未生效，请核对设备时间")
    ATTESTATION_EXPIRED = (584, Code.FAILED_PRECONDITION, "备案凭证已过期，请重新获取")
    ATTESTATION_REVOKED = (585, Code.FAILED_PRECONDITION, "备案凭证已失效，请核对异地就医备案")
    NO_ATTESTATION_KEY = (586, Code.UNAVAILABLE, "暂时无法出具备案凭证，请稍后再试")
    ATTESTATION_STALE_TRUST = (587, Code.UNAVAILABLE, "备案凭证暂时无法核验，请联系信息部门")
    OFFSITE_INSTITUTION_NOT_OPEN = (
        590,
        Code.FAILED_PRECONDITION,
        "该机构未开通异地就医联网结算",
    )
    OFFSITE_REGISTRATION_EXPIRED = (
        591,
        Code.FAILED_PRECONDITION,
        "异地就医备案已到期，请重新备案",
    )
    OFFSITE_BENEFIT_NOT_OPEN = (
        592,
        Code.FAILED_PRECONDITION,
        "参保地未开通此类异地结算，请先付款，凭票据回参保地报销",
    )
    OFFSITE_DISEASE_NOT_QUALIFIED = (
        593,
        Code.FAILED_PRECONDITION,
        "该病种不能异地直接结算，或参保人未取得该病种待遇资格",
    )
    OFFSITE_PLACE_EXCLUDED = (
        594,
        Code.FAILED_PRECONDITION,
        "港澳台地区不在异地就医结算范围内",
    )
    AUDIT_HOLD = (
        595,
        Code.FAILED_PRECONDITION,
        "该就诊正在稽核，结案前暂不能结算",
    )
    TRAUMA_MARK_MISSING = (
        596,
        Code.INVALID_ARGUMENT,
        "请填写外伤标志及是否涉及第三方责任",
    )
    THIRD_PARTY_LIABLE = (
        597,
        Code.FAILED_PRECONDITION,
        "该外伤涉及第三方责任，核清前医保不予支付",
    )
    EMERGENCY_MARK_MISMATCH = (
        598,
        Code.INVALID_ARGUMENT,
        "急诊标志与医疗类别不一致",
    )
    OFFSITE_POLICY_MISSING = (
        599,
        Code.FAILED_PRECONDITION,
        "参保地政策未规定此类异地就医待遇，请咨询参保地经办机构",
    )
    ATTESTATION_OF_ANOTHER = (
        600,
        Code.FAILED_PRECONDITION,
        "备案凭证不属于该参保人或该参保地",
    )
    ADMISSION_DECLARATION_NOT_FOUND = (610, Code.NOT_FOUND, "未查到该入院申报")
    ADMISSION_DECLARED = (611, Code.ALREADY_EXISTS, "该次住院已申报")
    ADMISSION_DECLARATION_STATE = (612, Code.FAILED_PRECONDITION, "该次住院已登记出院")
    AUDIT_TASK_NOT_FOUND = (613, Code.NOT_FOUND, "未查到该稽核任务")
    AUDIT_TASK_STATE = (614, Code.FAILED_PRECONDITION, "该稽核任务的当前状态不允许此操作")
    AUDIT_TASK_OF_ANOTHER = (615, Code.PERMISSION_DENIED, "该稽核任务由其他经办人办理")
    AUDIT_TASK_CHANGED = (616, Code.FAILED_PRECONDITION, "稽核任务已有变化，请重新核对")
    AUDITOR_MAY_NOT_CLOSE = (617, Code.PERMISSION_DENIED, "参与稽核的人员不能结案，须由他人复核")
    AUDIT_HOLD_NOT_FOUND = (618, Code.NOT_FOUND, "未查到生效中的暂缓结算")
    AUDIT_HOLD_OF_OWN = (619, Code.PERMISSION_DENIED, "暂缓结算须由他人解除")
    AUDIT_HOLD_EXISTS = (620, Code.ALREADY_EXISTS, "该任务已暂缓此次就诊的结算")
    AUDIT_FINDING_MISSING = (621, Code.FAILED_PRECONDITION, "尚未登记稽核情况")
    AUDIT_EVIDENCE_UNKNOWN = (622, Code.FAILED_PRECONDITION, "证据材料不存在或与上传文件不一致")
    AUDIT_EVIDENCE_EXISTS = (623, Code.ALREADY_EXISTS, "该材料已作为本任务证据")
    AUDIT_EVIDENCE_RESTRICTED = (624, Code.PERMISSION_DENIED, "无权查阅该任务的证据材料")
    ASSISTANCE_STATE = (625, Code.FAILED_PRECONDITION, "费用协查的当前状态不允许此操作")
    ASSISTANCE_BELOW_MINIMUM = (626, Code.FAILED_PRECONDITION, "住院费用未达到协查标准")
    COMPLAINT_NOT_FOUND = (627, Code.NOT_FOUND, "未查到该投诉举报")
    COMPLAINT_STATE = (628, Code.FAILED_PRECONDITION, "该投诉举报的当前状态不允许此操作")
    COMPLAINTS_TOO_MANY = (629, Code.RESOURCE_EXHAUSTED, "今日投诉举报次数已达上限")
    PRE_EVALUATION_REQUIRED = (630, Code.FAILED_PRECONDITION, "该转外就医须先经预评估并复核同意")
    HISTORY_FILE_NOT_READ = (631, Code.FAILED_PRECONDITION, "请先查阅该参保人最新的病历档案")
    HISTORY_VERSION_NOT_FOUND = (632, Code.NOT_FOUND, "未查到该版本的病历档案")
    HISTORY_VERSION_STATE = (633, Code.FAILED_PRECONDITION, "病历档案已有更新的版本或已核实")
    PRE_EVALUATION_NOT_FOUND = (634, Code.NOT_FOUND, "未查到该预评估")
    PRE_EVALUATION_STATE = (635, Code.FAILED_PRECONDITION, "该预评估的当前状态不允许此操作")
    PRE_EVALUATION_EXISTS = (636, Code.ALREADY_EXISTS, "该转外就医已有预评估")
    REFERRAL_NOT_WAITING = (637, Code.FAILED_PRECONDITION, "该备案不是待审核的转外就医")
    RECHECK_NOT_FOUND = (638, Code.NOT_FOUND, "未查到该复查")
    RECHECK_STATE = (639, Code.FAILED_PRECONDITION, "该复查已有结果")
    TICKET_NOT_FOUND = (640, Code.NOT_FOUND, "未查到该问题工单")
    TICKET_STATE = (641, Code.FAILED_PRECONDITION, "该问题工单的当前状态不允许此操作")
    FILES_NOT_KEPT = (642, Code.FAILED_PRECONDITION, "尚未开通病历档案和问题工单")
    QUALIFICATION_NOT_FOUND = (645, Code.NOT_FOUND, "未查到该门诊慢特病资格申请")
    QUALIFICATION_STATE = (646, Code.FAILED_PRECONDITION, "该门诊慢特病资格的当前状态不允许此操作")
    QUALIFICATION_EXISTS = (647, Code.ALREADY_EXISTS, "该病种在相同日期已有资格或正在申请")
    DISEASE_NOT_LISTED = (648, Code.FAILED_PRECONDITION, "该病种不在本统筹区门诊慢特病病种目录内")
    INSTITUTION_NOT_ENTITLED = (
        649,
        Code.FAILED_PRECONDITION,
        "该机构不是该病种的认定医疗机构，请到认定医疗机构申请",
    )
    RENEWAL_NOT_OPEN = (650, Code.FAILED_PRECONDITION, "未到续期申请时间，或资格已到期，请重新申请")

    def __new__(cls, number: int, code: Code, sentence_zh: str = "") -> "Reason":
        """Makes a member whose value is its number in the proto enum."""
        member = object.__new__(cls)
        member._value_ = number
        member.code = code
        member.message_zh = sentence_zh or f"错误代码 E{number:03d}"
        return member

    @property
    def wire_name(self) -> str:
        """The name of the proto enum value, as sent in `ErrorInfo.reason`."""
        return f"ERROR_REASON_{self.name}"
