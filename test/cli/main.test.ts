import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { miaobi } from './spawn.ts';

const packageJson = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));

it('prints its version and its help to stdout', async () => {
  const [version, help] = await Promise.all([miaobi(['--version']), miaobi(['doctor', '--help'])]);
  expect(version).toEqual({ code: 0, stdout: `${packageJson.version}\n`, stderr: '' });
  expect(help.code).toBe(0);
  expect(help.stdout).toMatch(/Usage: miaobi doctor.*--device <name>/s);
});

it('ends with 2 on a usage error and suggests what may have been meant', async () => {
  const [flag, command, choice] = await Promise.all([
    miaobi(['doctor', '--jsno']),
    miaobi(['docter']),
    miaobi(['doctor', '--precision', 'f64']),
  ]);
  expect(flag).toMatchObject({
    code: 2,
    stdout: '',
    stderr: expect.stringMatching(/unknown option '--jsno'.*mean --json/s),
  });
  expect(command).toMatchObject({ code: 2, stderr: expect.stringMatching(/unknown command 'docter'.*mean doctor/s) });
  expect(choice).toMatchObject({ code: 2, stderr: expect.stringMatching(/'f64' is invalid.*f32, f16/s) });
});

it('prints the configuration and stops, and tells once which aliases it read', async () => {
  const argv = ['doctor', '--set', 'seed=3', 'precision=f16', '--gpu_ids', '-1', '--print-config', '--json'];
  const { code, stdout, stderr } = await miaobi(argv);
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ seed: 3, precision: 'f16', device: 'cpu' });
  expect(stderr).toBe('Read --gpu_ids as --device.\n');
});

it('ends with 3 when no adapter fits, with a report all the same', async () => {
  const { code, stdout } = await miaobi(['doctor', '--json', '--device', 'no such adapter']);
  const report = JSON.parse(stdout);
  expect([code, report.ready]).toEqual([3, false]);
  expect(report.checks.find((check: { name: string }) => check.name === 'adapter')).toMatchObject({
    status: 'fail',
    detail: expect.stringContaining('no such adapter'),
    fix: expect.any(String),
  });
});

it('trains a step and lists what the device offers', async () => {
  const [doctor, devices] = await Promise.all([miaobi(['doctor', '--json']), miaobi(['devices', '--json'])]);
  const report = JSON.parse(doctor.stdout);
  expect([doctor.code, report.ready]).toEqual([0, true]);
  expect(report.checks.find((check: { name: string }) => check.name === 'training').status).toBe('ok');
  expect(report.adapter.largestTensorBytes).toBeGreaterThanOrEqual(128 * 2 ** 20);
  expect(devices.code).toBe(0);
  expect(JSON.parse(devices.stdout).map((one: { name: string }) => one.name)).toContain(report.adapter.name);
});
