"""The annual close of personal accounts: proposed, confirmed, and carried out page by page."""
