package house

const shed = 4
