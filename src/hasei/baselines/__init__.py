"""One file = one cheap truth. A derived model must beat these, not only its base; sometimes one of them wins."""
