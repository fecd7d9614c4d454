"""Training: batches, schedule, checkpoint, the classifier, the GAN."""
