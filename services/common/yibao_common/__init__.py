"""What the three services share: configuration, server, engine, errors."""
