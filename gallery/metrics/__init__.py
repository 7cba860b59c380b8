"""What monitoring can ask: how the gallery is, how long requests take, what the workers do."""
