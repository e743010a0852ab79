"""From weights to a model of the zoo: measured exactly as shipped, with a card."""
