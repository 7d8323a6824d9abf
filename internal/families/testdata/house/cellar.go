package house

// Stone uses a name and a method of a later family, and a name of a third file.
func Stone() int { return Tile() + roof{}.height() + shed }

type roof struct{}
