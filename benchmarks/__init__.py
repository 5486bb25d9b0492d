"""What the suite costs, held against the same work written straight down without it."""
