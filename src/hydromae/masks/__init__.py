"""Which tokens are visible and which are targets, exact in count."""
