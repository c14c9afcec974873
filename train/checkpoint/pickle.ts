/**
 * A restricted reader of Python's pickle format, protocols 0 to 5: a stack machine that can make plain values only.
 *
 * Globals are looked up in a list given by the caller and nowhere else; REDUCE, INST, OBJ, NEWOBJ and BUILD work on what
 * that list makes. So a pickle can ask for anything and get data or a refusal. Stack, memo and the number of objects
 * are bounded, so a small crafted file cannot fill the memory; opcodes never loop, so no file can hang.
 *
 * Source: the opcode descriptions of Python's standard library, module pickletools.
 */
import { latin1, PickleBytes } from './pickle-bytes.ts';
import { textFloat, textInteger, unescapeUnicode, unquote } from './pickle-text.ts';
import { count, damaged, forbidden, Global, Instance, Tuple, type Value } from './pickle-values.ts';

export interface PickleRules {
  /** The allow-list. Throws `forbidden` for everything that is not on it. */
  global(module: string, name: string): Global;
  /** PERSID and BINPERSID: what an outside reference stands for. */
  persistent(id: Value): Value;
}

const MAX_STACK = 1 << 20;
const MAX_OBJECTS = 1 << 20;
const MAX_OPCODES = 1 << 24;
const MAX_MEMO = 1 << 21;

/**
 * Reads one pickled object.
 *
 * @param bytes  the pickle, and what follows it
 * @param offset where it begins
 * @returns the object, and the offset after its STOP opcode
 * @throws CheckpointError for anything that is not plain data, and for damaged bytes
 */
export function unpickle(bytes: Uint8Array, rules: PickleRules, offset = 0): { value: Value; end: number } {
  const machine = new Machine(new PickleBytes(bytes, offset), rules);
  const value = machine.run();
  return { value, end: machine.input.offset };
}

class Machine {
  readonly input: PickleBytes;
  readonly #rules: PickleRules;
  #stack: Value[] = [];
  readonly #marks: number[] = [];
  readonly #memo = new Map<number, Value>();
  #objects = 0;

  constructor(input: PickleBytes, rules: PickleRules) {
    this.input = input;
    this.#rules = rules;
  }

  run(): Value {
    for (let opcodes = 0; opcodes < MAX_OPCODES; opcodes++) {
      const opcode = this.input.u8();
      if (opcode === 0x2e) return this.#pop(); // STOP
      if (!this.#scalar(opcode) && !this.#container(opcode) && !this.#object(opcode)) {
        throw damaged(`unknown opcode 0x${opcode.toString(16)} at offset ${this.input.offset - 1}`);
      }
      if (this.#stack.length > MAX_STACK || this.#marks.length > MAX_STACK || this.#memo.size > MAX_MEMO) {
        throw damaged('more values at once than any checkpoint needs');
      }
    }
    throw damaged(`more than ${MAX_OPCODES} opcodes`);
  }

  #pop(): Value {
    const floor = this.#marks[this.#marks.length - 1] ?? 0;
    if (this.#stack.length <= floor) throw damaged('a value is taken from an empty stack');
    return this.#stack.pop()!;
  }

  #top(): Value {
    const value = this.#pop();
    this.#stack.push(value);
    return value;
  }

  /** The values above the last mark, which goes. */
  #popMark(): Value[] {
    const mark = this.#marks.pop();
    if (mark === undefined) throw damaged('a mark is taken where none was set');
    return this.#stack.splice(mark);
  }

  #push(value: Value): true {
    this.#stack.push(value);
    return true;
  }

  /** Pushes something that costs memory beyond its bytes in the file. */
  #pushObject(value: Value): true {
    if (++this.#objects > MAX_OBJECTS) throw damaged(`more than ${MAX_OBJECTS} objects`);
    return this.#push(value);
  }

  #store(index: number): true {
    this.#memo.set(index, this.#top());
    return true;
  }

  #recall(index: number): true {
    if (!this.#memo.has(index)) throw damaged(`the memo has no entry ${index}`);
    return this.#push(this.#memo.get(index)!);
  }

  /** Opcodes that make one number, text or byte string, and those that move values. False for others. */
  #scalar(opcode: number): boolean {
    const input = this.input;
    switch (opcode) {
      case 0x80: {
        const protocol = input.u8(); // PROTO
        if (protocol > 5) throw damaged(`protocol ${protocol}; 0 to 5 are known`);
        return true;
      }
      case 0x95: // FRAME: a length for readers that prefetch
        if (input.u64() > input.bytes.byteLength - input.offset) throw damaged('a frame is longer than the file');
        return true;
      case 0x4e: // NONE
        return this.#push(null);
      case 0x88: // NEWTRUE
        return this.#push(true);
      case 0x89: // NEWFALSE
        return this.#push(false);
      case 0x4b: // BININT1
        return this.#push(input.u8());
      case 0x4d: // BININT2
        return this.#push(input.u16());
      case 0x4a: // BININT
        return this.#push(input.i32());
      case 0x8a: // LONG1
        return this.#push(input.long(input.u8()));
      case 0x8b: // LONG4
        return this.#push(input.long(input.u32()));
      case 0x49: // INT
      case 0x4c: // LONG
        return this.#push(textInteger(input.line()));
      case 0x46: // FLOAT
        return this.#push(textFloat(input.line()));
      case 0x47: // BINFLOAT
        return this.#push(input.f64());
      case 0x53: // STRING
        return this.#push(unquote(input.line()));
      case 0x56: // UNICODE
        return this.#push(unescapeUnicode(input.line()));
      case 0x54: // BINSTRING: Python 2's byte string, its names and its data
        return this.#push(latin1(input.take(input.u32())));
      case 0x55: // SHORT_BINSTRING
        return this.#push(latin1(input.take(input.u8())));
      case 0x58: // BINUNICODE
        return this.#push(input.utf8(input.u32()));
      case 0x8c: // SHORT_BINUNICODE
        return this.#push(input.utf8(input.u8()));
      case 0x8d: // BINUNICODE8
        return this.#push(input.utf8(input.u64()));
      case 0x42: // BINBYTES
        return this.#pushObject(input.take(input.u32()));
      case 0x43: // SHORT_BINBYTES
        return this.#pushObject(input.take(input.u8()));
      case 0x8e: // BINBYTES8
      case 0x96: // BYTEARRAY8
        return this.#pushObject(input.take(input.u64()));
      case 0x28: // MARK
        this.#marks.push(this.#stack.length);
        return true;
      case 0x30: // POP: takes a mark when one is on top
        if (this.#marks.at(-1) === this.#stack.length) this.#marks.pop();
        else this.#pop();
        return true;
      case 0x31: // POP_MARK
        this.#popMark();
        return true;
      case 0x32: // DUP
        return this.#push(this.#top());
      case 0x70: // PUT
        return this.#store(count(textInteger(input.line()), 'a memo index'));
      case 0x71: // BINPUT
        return this.#store(input.u8());
      case 0x72: // LONG_BINPUT
        return this.#store(input.u32());
      case 0x94: // MEMOIZE
        return this.#store(this.#memo.size);
      case 0x67: // GET
        return this.#recall(count(textInteger(input.line()), 'a memo index'));
      case 0x68: // BINGET
        return this.#recall(input.u8());
      case 0x6a: // LONG_BINGET
        return this.#recall(input.u32());
      default:
        return false;
    }
  }

  /** Opcodes of lists, tuples, dicts and sets. False for others. */
  #container(opcode: number): boolean {
    switch (opcode) {
      case 0x5d: // EMPTY_LIST
        return this.#pushObject([]);
      case 0x6c: // LIST
        return this.#pushObject(this.#popMark());
      case 0x61: // APPEND
        return this.#extendList([this.#pop()]);
      case 0x65: // APPENDS
        return this.#extendList(this.#popMark());
      case 0x29: // EMPTY_TUPLE
        return this.#pushObject(new Tuple([]));
      case 0x74: // TUPLE
        return this.#pushObject(new Tuple(this.#popMark()));
      case 0x85: // TUPLE1
      case 0x86: // TUPLE2
      case 0x87: {
        const items: Value[] = []; // TUPLE3
        for (let i = opcode; i >= 0x85; i--) items.unshift(this.#pop());
        return this.#pushObject(new Tuple(items));
      }
      case 0x7d: // EMPTY_DICT
        return this.#pushObject(new Map());
      case 0x64: {
        const items = this.#popMark(); // DICT
        this.#pushObject(new Map());
        return this.#extendDict(items);
      }
      case 0x73: {
        const value = this.#pop(); // SETITEM
        return this.#extendDict([this.#pop(), value]);
      }
      case 0x75: // SETITEMS
        return this.#extendDict(this.#popMark());
      case 0x8f: // EMPTY_SET
        return this.#pushObject(new Set());
      case 0x90: {
        const items = this.#popMark(); // ADDITEMS
        const target = this.#top();
        if (!(target instanceof Set)) throw damaged('items are added to something that is not a set');
        for (const item of items) target.add(hashable(item));
        return true;
      }
      case 0x91: // FROZENSET
        return this.#pushObject(new Set(this.#popMark().map(hashable)));
      default:
        return false;
    }
  }

  #extendList(items: Value[]): true {
    const target = this.#top();
    if (!Array.isArray(target)) throw damaged('items are appended to something that is not a list');
    for (const item of items) target.push(item);
    return true;
  }

  #extendDict(pairs: Value[]): true {
    const target = this.#top();
    if (!(target instanceof Map)) throw damaged('items are set on something that is not a dict');
    if (pairs.length % 2 !== 0) throw damaged('a dict has a key without a value');
    for (let i = 0; i < pairs.length; i += 2) target.set(hashable(pairs[i]), pairs[i + 1]);
    return true;
  }

  /** Opcodes that name, call or fill something: the dangerous ones. False for others. */
  #object(opcode: number): boolean {
    switch (opcode) {
      case 0x63: // GLOBAL
        return this.#push(this.#rules.global(this.input.line(), this.input.line()));
      case 0x93: {
        const name = this.#pop(); // STACK_GLOBAL
        const module = this.#pop();
        if (typeof module !== 'string' || typeof name !== 'string') throw damaged('a global is named by a non-string');
        return this.#push(this.#rules.global(module, name));
      }
      case 0x52: // REDUCE
      case 0x81: {
        const args = this.#pop(); // NEWOBJ
        return this.#call(this.#pop(), args instanceof Tuple ? args.items : undefined);
      }
      case 0x92: {
        const named = this.#pop(); // NEWOBJ_EX
        const args = this.#pop();
        if (!(named instanceof Map) || named.size > 0) throw forbidden('it makes an object with keyword arguments');
        return this.#call(this.#pop(), args instanceof Tuple ? args.items : undefined);
      }
      case 0x69: {
        const target = this.#rules.global(this.input.line(), this.input.line()); // INST
        return this.#call(target, this.#popMark());
      }
      case 0x6f: {
        const [target, ...args] = this.#popMark(); // OBJ
        return this.#call(target, args);
      }
      case 0x62: // BUILD
        return this.#build(this.#pop(), this.#top());
      case 0x50: // PERSID
        return this.#pushObject(this.#rules.persistent(this.input.line()));
      case 0x51: // BINPERSID
        return this.#pushObject(this.#rules.persistent(this.#pop()));
      case 0x82: // EXT1
      case 0x83: // EXT2
      case 0x84: // EXT4
        throw forbidden('it refers to an extension registered in some Python program');
      case 0x97: // NEXT_BUFFER
      case 0x98: // READONLY_BUFFER
        throw forbidden('it refers to a buffer outside the file');
      default:
        return false;
    }
  }

  #call(target: Value | undefined, args: readonly Value[] | undefined): true {
    if (!(target instanceof Global)) throw forbidden('it calls something that is not a global');
    if (!args) throw damaged(`${target.name} is called with arguments that are not a tuple`);
    return this.#pushObject(target.call(args));
  }

  #build(state: Value, target: Value): true {
    if (target instanceof Instance) target.setState(state);
    // An OrderedDict's attributes: a state_dict keeps its modules' version numbers there.
    else if (!(target instanceof Map && (state instanceof Map || state === null))) {
      throw forbidden('it sets the state of something that has none');
    }
    return true;
  }
}

function hashable(key: Value): Value {
  if (Array.isArray(key) || key instanceof Map || key instanceof Set) throw damaged('a list or dict is used as a key');
  return key;
}
