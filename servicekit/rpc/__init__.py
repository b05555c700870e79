"""What both servers share at the edge: bootstrap, interceptors, errors as status."""
