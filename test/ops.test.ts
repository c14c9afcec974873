import { beforeAll, describe, it } from 'vitest';
import { testDevice } from './support/device.ts';
import { type Executor, executorOn } from './support/executor.ts';
import { checkForward, checkGradients } from './support/op-checks.ts';
import { chosenSubjects, describeSample } from './support/subjects.ts';

let executor: Executor;
beforeAll(async () => {
  executor = executorOn(await testDevice());
});

for (const subject of chosenSubjects()) {
  describe(subject.name, () => {
    subject.samples.forEach((sample, index) => {
      if (sample.bench) return;
      for (const dtype of sample.dtypes ?? (['f32', 'f16'] as const)) {
        const title = `${describeSample(sample)} ${dtype}`;
        it(`computes its definition: ${title}`, () => checkForward(executor, subject, sample, dtype, index + 1));
        if (subject.differentiable && sample.gradient !== false) {
          it(`has the gradient of its definition: ${title}`, () =>
            checkGradients(executor, subject, sample, dtype, index + 1));
        }
      }
    });
  });
}
