"""The real servers that tests talk to: found or brought along, started here, stopped here."""
