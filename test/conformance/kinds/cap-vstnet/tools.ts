/** The kinds about what surrounds the network: sizes, masks, labels, and the jitter loop. */

import { factorise } from '../../../../models/cap-vstnet/cwct-host.ts';
import { labelsFromColours } from '../../../../models/cap-vstnet/segment.ts';
import { mergeStyle, remapCross, remapSelf } from '../../../../models/cap-vstnet/segment-remap.ts';
import { invertLower64 } from '../../../../models/layers/linalg64.ts';
import { pillowResize } from '../../../../train/data/image/pillow-resize.ts';
import { imgResizeRule } from '../../../../train/data/image/resize-rule.ts';
import type { Builder } from '../../context.ts';
import { scalar, value } from '../../values.ts';
import { answers, labelsOf, pixelsOf } from '../answers.ts';

/** L, L⁻¹ and the retries of the jitter loop on one symmetric matrix. */
const choleskyRetry: Builder = {
  run({ config, inputs }) {
    const n = config.n as number;
    const a = inputs.get('A');
    const { l, retries, jitter } = factorise(Float64Array.from(a.data), n, config.eps as number);
    const inverse = new Float64Array(l.length);
    for (let at = 0; at < l.length; at += n * n) inverse.set(invertLower64(l.subarray(at, at + n * n), n), at);
    return answers({
      'output L': value(a.shape, l),
      'output Linv': value(a.shape, inverse),
      'value retries': scalar(retries),
      'value jitter': scalar(jitter),
    });
  },
};

/** Rows [w, h, max_size, w_out, h_out]; only the first three are looked at. */
const imgResize: Builder = {
  run({ config, inputs }) {
    const table = inputs.get('table');
    const [rows, columns] = table.shape;
    const downScale = config.down_scale as number;
    const out = Float64Array.from(table.data);
    for (let row = 0; row < rows; row++) {
      const [w, h, maxSize] = table.data.subarray(row * columns, row * columns + 3);
      const size = imgResizeRule(w, h, maxSize, downScale);
      out.set([size.width, size.height], row * columns + 3);
    }
    return answers({ 'output table': value(table.shape, out) });
  },
};

/** A picture [H, W, 3] through the two resizes of the original tool. */
const resize: Builder = {
  run({ config, inputs }) {
    const image = inputs.get('image');
    const [height, width, channels] = image.shape;
    const rule = imgResizeRule(width, height, config.max_size as number, config.down_scale as number);
    const source = { width, height, channels, pixels: pixelsOf(image) };
    const reduced = pillowResize(source, rule.reduced.width, rule.reduced.height, 'bicubic');
    const { pixels } = pillowResize(reduced, rule.width, rule.height, 'bicubic');
    return answers({ 'output image': value([rule.height, rule.width, channels], pixels) });
  },
};

/** A painted mask to labels, at its own size and resized by nearest before it is classified. */
const loadSegment: Builder = {
  run({ config, inputs }) {
    const rgb = inputs.get('rgb');
    const [height, width, channels] = rgb.shape;
    const [outWidth, outHeight] = config.size_wh as [number, number];
    const source = { width, height, channels, pixels: pixelsOf(rgb) };
    const resized = pillowResize(source, outWidth, outHeight, 'nearest');
    return answers({
      'output labels': value([height, width], labelsFromColours(source.pixels, width, height)),
      'output labels_resized': value([outHeight, outWidth], labelsFromColours(resized.pixels, outWidth, outHeight)),
    });
  },
};

/** The remappings of automatic label maps: each of themselves, then content to style, then style to that content. */
const segRemap: Builder = {
  run({ config, inputs }) {
    const [content, style] = [inputs.get('content'), inputs.get('style')];
    const relations = { classes: config.n_classes as number, related: inputs.get('mapping').data };
    const minRatio = config.min_ratio as number;
    const contentSelf = remapSelf(labelsOf(content), relations, minRatio);
    const styleSelf = remapSelf(labelsOf(style), relations, minRatio);
    const contentCross = remapCross(contentSelf, styleSelf, relations);
    return answers({
      'output content_self': value(content.shape, contentSelf),
      'output style_self': value(style.shape, styleSelf),
      'output content_cross': value(content.shape, contentCross),
      'output style_merge': value(style.shape, mergeStyle(contentCross, styleSelf, relations)),
    });
  },
};

export const tools: Readonly<Record<string, Builder>> = {
  'cap-vstnet/cholesky-retry': choleskyRetry,
  'cap-vstnet/img-resize': imgResize,
  'cap-vstnet/resize': resize,
  'cap-vstnet/load-segment': loadSegment,
  'cap-vstnet/seg-remap': segRemap,
};
