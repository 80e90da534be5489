"""What images and stacks are made of: listed, asked about at an advisory database, pinned."""
