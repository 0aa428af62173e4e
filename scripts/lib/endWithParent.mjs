/**
 * npm passes SIGTERM on to the shell between it and us, and that shell dies without telling us: a training run would go on
 * with nobody waiting for it. When our parent is gone, end as if the signal had come to us.
 */
export const endWithParent = () => {
  if (process.env.npm_lifecycle_event === undefined) return
  const parent = process.ppid
  const watch = setInterval(() => {
    if (process.ppid === parent) return
    clearInterval(watch)
    process.kill(process.pid, 'SIGTERM')
  }, 500)
  watch.unref()
}
