"""WorkerService: translate, call, translate."""
