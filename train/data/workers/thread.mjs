// Runs a task module on a worker thread. Plain JavaScript: Node starts a thread on a file that it can read as it is,
// and a thread does not inherit the loader that reads TypeScript, however the process was started.
import { parentPort, workerData } from 'node:worker_threads';

if (workerData.task.endsWith('.ts')) {
  const { register } = await import('tsx/esm/api');
  register();
}
const { run } = await import(workerData.task);

parentPort.on('message', async (message) => {
  if (message === 'close') {
    parentPort.close();
    return;
  }
  try {
    const { result, transfer } = await run(message.job);
    parentPort.postMessage({ result }, transfer);
  } catch (error) {
    const { name, message, stack } = error instanceof Error ? error : new Error(String(error));
    parentPort.postMessage({ error: { name, message, stack } });
  }
});
