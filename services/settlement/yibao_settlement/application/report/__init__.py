"""An agency's figures of its region."""
