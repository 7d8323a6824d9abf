package house

// Tile is used by the cellar.
func Tile() int { return 1 }

func (roof) height() int { return 2 }

// A local name of an earlier family's file is nothing to report.
func lay() { Stone := 3; _ = Stone; _ = roof{} }
