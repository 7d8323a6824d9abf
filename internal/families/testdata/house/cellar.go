package house

// Stone uses a name of a later family, a method of one, and a file that has no family.
func Stone() int { return Tile() + roof{}.height() + shed }

type roof struct{}
