"""What `yibao up` loads to be tried: persons, cards, institutions, and inputs that are refused."""
