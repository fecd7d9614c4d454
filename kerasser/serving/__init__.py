"""SavedModels that TF Serving serves, and a client for them."""
