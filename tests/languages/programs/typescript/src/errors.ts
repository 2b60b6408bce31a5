/** The caller's fault. */
export class AlgorithmError extends Error {
  constructor(
    message: string,
    readonly code: string,
  ) {
    super(message)
  }
}
