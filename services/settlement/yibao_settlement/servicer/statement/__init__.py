"""The settlement statement as sent: structured, as a page, as a paper."""
