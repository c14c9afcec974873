import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { VideoInfo } from '../../train/data/video/probe.ts';

/** An empty folder that goes when the test ends. */
export function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), 'miaobi-video-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/**
 * Puts a program in front of the search path for the rest of the test.
 *
 * @param body  of a Node script; `args` are its arguments, `fs` is there
 */
export function fakeProgram(name: string, body: string): string {
  const folder = scratch();
  const script = `#!${process.execPath}\nconst fs = require('node:fs');\nconst args = process.argv.slice(2);\n${body}\n`;
  writeFileSync(join(folder, name), script);
  chmodSync(join(folder, name), 0o755);
  const before = process.env.PATH;
  process.env.PATH = `${folder}${delimiter}${before}`;
  onTestFinished(() => {
    process.env.PATH = before;
  });
  return folder;
}

/** A film as ffprobe might describe it. */
export function videoInfo(changes: Partial<VideoInfo> = {}): VideoInfo {
  return {
    path: 'clip.mp4',
    codec: 'h264',
    width: 192,
    height: 128,
    rotation: 0,
    pixelAspect: { num: 1, den: 1 },
    bitDepth: 8,
    colours: { fullRange: false },
    audio: ['aac'],
    startDelay: 0,
    others: 0,
    timing: { frames: 48, rate: { num: 30000, den: 1001 } },
    ...changes,
  };
}
