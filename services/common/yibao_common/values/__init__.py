"""What every layer may import: money, days, refusals; ids and the clock only outside of rules."""
