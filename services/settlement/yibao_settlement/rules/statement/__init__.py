"""The settlement statement (医疗费用结算单): what the person is told of a settlement."""
