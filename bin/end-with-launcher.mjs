// Loaded before the program where a launcher waits for it: ends the program when the launcher was killed.
// Programs that this one starts load it too and are meant to be left alone: they have another parent.
import { Socket } from 'node:net'
import { isMainThread } from 'node:worker_threads'

if (isMainThread && process.env.FARWATCH_LAUNCHER === String(process.ppid)) {
  new Socket({ fd: 3 })
    .on('close', () => process.kill(process.pid, 'SIGKILL'))
    .resume()
    .unref()
}
delete process.env.FARWATCH_LAUNCHER
