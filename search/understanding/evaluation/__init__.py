"""How well labels are told, by prompt style and model, measured against what a person knows."""
