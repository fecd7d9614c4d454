"""What can be attacked: any recogniser."""
