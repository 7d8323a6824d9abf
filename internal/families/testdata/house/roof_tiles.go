package house

// Tile is used by the cellar.
func Tile() int { return 1 }

func (roof) height() int { return 2 }

// lay has a local name that a file of another family also declares, which is allowed.
func lay() { Stone := 3; _ = Stone; _ = roof{} }
