"""Which of some sentences describes a photo; nothing of it is stored."""
