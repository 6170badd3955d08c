"""What can choose a strength, by name; apart, so that a command can name them without torch."""

CRITERIA = ("validation", "cross-validation", "leave-one-out", "evidence", "hyperprior")
