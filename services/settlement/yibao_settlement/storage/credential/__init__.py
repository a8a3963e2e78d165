"""Cards and e-certificates, as identity's feed tells of them."""
