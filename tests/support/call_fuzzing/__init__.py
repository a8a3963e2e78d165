"""Messages made from the contract at random, sent to services that run, and judged."""
