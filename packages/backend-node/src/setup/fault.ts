/** Why TensorFlow could not be set up: one sentence with the mend. */
export class SetupFault extends Error {}

/** First line of whatever was thrown; Node's `fetch` hides the reason in `cause`. */
export const reasonOf = (thrown: unknown): string => {
  if (!(thrown instanceof Error)) return String(thrown)
  const { cause } = thrown
  const text = cause instanceof Error && cause.message !== '' ? cause.message : thrown.message
  return text.split('\n')[0]!
}
