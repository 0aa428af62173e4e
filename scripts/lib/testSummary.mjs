/**
 * The reports of all packages as the lines that end a test run: failures with their first message, skipped tests with
 * their reason, and last of all `N passed, N failed, N skipped`. A missing report (undefined) is one failure.
 */
export const summary = (reports) => {
  const missing = {
    passed: 0,
    failed: [{ name: '(all tests)', reason: 'no report: the tests did not start or did not end' }],
    skipped: [],
  }
  const all = reports.map(({ where, report }) => ({ where, report: report ?? missing }))
  const listed = (kind) => all.flatMap(({ where, report }) => report[kind].map((test) => ({ where, ...test })))
  const passed = all.reduce((total, { report }) => total + report.passed, 0)
  const failed = listed('failed')
  const skipped = listed('skipped')
  const line =
    (word) =>
    ({ where, name, reason }) =>
      `${word} ${where}/${name}${reason === '' ? '' : `: ${reason}`}`
  return {
    failed: failed.length,
    lines: [
      ...failed.map(line('FAILED')),
      ...skipped.map(line('skipped')),
      `${passed} passed, ${failed.length} failed, ${skipped.length} skipped`,
    ],
  }
}
