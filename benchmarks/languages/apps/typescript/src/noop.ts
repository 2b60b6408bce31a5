interface Input {
  x: number
}

/** The algorithm that costs nothing: returns x + 1. */
export function apply(input: Input): number {
  return input.x + 1
}
