/** The algorithm that costs nothing: returns x + 1. */
export function apply(input) {
  return input.x + 1
}
