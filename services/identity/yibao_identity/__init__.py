"""The identity service: insured persons, e-certificates, QR codes and trust."""
