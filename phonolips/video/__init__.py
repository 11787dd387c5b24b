"""Reading video, finding faces, mouth space, drawing."""
