"""Rooms of settlement's unit of work in memory."""
