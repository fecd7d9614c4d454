"""The eGeMAPSv02 low-level descriptors in TensorFlow's operations, a group of them a file."""
