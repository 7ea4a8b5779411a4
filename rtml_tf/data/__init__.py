"""Where images and labels come from: sources, samplers, augmentation, batches."""
