"""The code that runs parallel loops on the threads of a `ThreadPool`, as LLVM's text.

TVM compiles a parallel loop to a function `(part, of parts, data)` that runs one of so many equal
parts of it, and a call that is to run all of them. `launch` serves that call. A loop is cut into
many parts; each thread owns a contiguous share, takes its parts from the front, and then halves of
what others have left. So a thread that loses its processor to another program delays a loop by one
part and not by its whole share, and one that does not run at all is not waited for.

Who waits spins for a moment and then sleeps (futex): a sleeper leaves its processor to others, to a
thread of the same loop that lost its own, for one.

Words that several threads write lie in cache lines of their own. A share is one word: the number
of its loop in the upper half, below that its end and its first part. A thread that comes late for
a loop finds other numbers and leaves the shares alone, those of the next loop above all, which are
being filled: who took parts of that one into its own share could lose what is put there. A share
is changed by compare-and-swap: who succeeds owns parts of its loop, which cannot end before they
ran.
"""

import platform
from itertools import pairwise
from string import Template

# FUTEX_WAIT and FUTEX_WAKE of this process only.
_WAIT, _WAKE = 128, 129
_FUTEX = {"x86_64": 202}
_PAUSE = {
    "x86_64": "call void @llvm.x86.sse2.pause()",
    "aarch64": "call void @llvm.aarch64.hint(i32 1)",
}
_DECLARED = {
    "x86_64": "declare void @llvm.x86.sse2.pause()",
    "aarch64": "declare void @llvm.aarch64.hint(i32)",
}

_CODE = Template("""
@function = internal global ptr null, align 64
@data = internal global ptr null
@environment = internal global { ptr, i32 } { ptr null, i32 $parts }
@failed = internal global i32 0
@stopped = internal global i32 0
@spins = internal global i32 0
@yields = internal global i32 0
@round = internal global [16 x i32] zeroinitializer, align 64
@done = internal global [16 x i32] zeroinitializer, align 64
@pending = internal global [16 x i32] zeroinitializer, align 64
@sleepers = internal global [16 x i32] zeroinitializer, align 64
@joining = internal global [16 x i32] zeroinitializer, align 64
@shares = internal global [$threads x [8 x i64]] zeroinitializer, align 64
@kind = private constant [13 x i8] c"RuntimeError\\00"
@message = private constant [37 x i8] c"a part of a parallel loop has failed\\00"

declare i64 @syscall(i64, ...)
declare i32 @sched_yield()
declare void @TVMFFIErrorSetRaisedFromCStr(ptr, ptr)
$declared

; Spin until the word differs from %old, at most %spins times, and then yield the processor at
; most %yields times; what the word is then.
define i32 @watch(ptr %word, i32 %old, i32 %spins, i32 %yields) {
entry:
  %limit = add i32 %spins, %yields
  br label %check
check:
  %spun = phi i32 [ 0, %entry ], [ %next, %more ]
  %now = load atomic i32, ptr %word acquire, align 4
  %changed = icmp ne i32 %now, %old
  %spent = icmp uge i32 %spun, %limit
  %over = or i1 %changed, %spent
  br i1 %over, label %end, label %again
again:
  %pausing = icmp ult i32 %spun, %spins
  br i1 %pausing, label %pause, label %yield
pause:
  $pause
  br label %more
yield:
  %ignored = call i32 @sched_yield()
  br label %more
more:
  %next = add i32 %spun, 1
  br label %check
end:
  ret i32 %now
}

; Return when the word differs from %old: spin, then sleep and be counted in %count meanwhile.
define internal i32 @await(ptr %word, i32 %old, ptr %count, i32 %yields) {
entry:
  %spins = load atomic i32, ptr @spins monotonic, align 4
  %spun = call i32 @watch(ptr %word, i32 %old, i32 %spins, i32 %yields)
  %early = icmp ne i32 %spun, %old
  br i1 %early, label %end, label %sleep
sleep:
  %before = atomicrmw add ptr %count, i32 1 seq_cst
  br label %nap
nap:
  %now = load atomic i32, ptr %word seq_cst, align 4
  %changed = icmp ne i32 %now, %old
  br i1 %changed, label %awake, label %wait
wait:
  %ignored = call i64 (i64, ...) @syscall(i64 $futex, ptr %word, i32 $wait, i32 %old, ptr null)
  br label %nap
awake:
  %after = atomicrmw sub ptr %count, i32 1 seq_cst
  br label %end
end:
  %value = phi i32 [ %spun, %entry ], [ %now, %awake ]
  ret i32 %value
}

; Wake those who sleep on the word, if the count says that there are any.
define internal void @wake(ptr %word, ptr %count) {
entry:
  %asleep = load atomic i32, ptr %count seq_cst, align 4
  %any = icmp ne i32 %asleep, 0
  br i1 %any, label %call, label %end
call:
  %ignored = call i64 (i64, ...) @syscall(i64 $futex, ptr %word, i32 $wake, i32 2147483647)
  br label %end
end:
  ret void
}

; Fill thread %me's share, which is empty, from another's of the same loop; whether there was any.
define internal i1 @steal(i32 %me, i64 %loop) {
entry:
  %mine = getelementptr [$threads x [8 x i64]], ptr @shares, i32 0, i32 %me, i32 0
  br label %victim
victim:
  %offset = phi i32 [ 1, %entry ], [ %further, %next ]
  %all = icmp uge i32 %offset, $threads
  br i1 %all, label %none, label %choose
choose:
  %sum = add i32 %me, %offset
  %other = urem i32 %sum, $threads
  %theirs = getelementptr [$threads x [8 x i64]], ptr @shares, i32 0, i32 %other, i32 0
  br label %look
look:
  %share = load atomic i64, ptr %theirs acquire, align 8
  %of = and i64 %share, -4294967296
  %present = icmp eq i64 %of, %loop
  br i1 %present, label %open, label %next
open:
  %first = and i64 %share, 65535
  %shifted = lshr i64 %share, 16
  %end = and i64 %shifted, 65535
  %left = sub i64 %end, %first
  %empty = icmp sle i64 %left, 0
  br i1 %empty, label %next, label %take
take:
  %more = add i64 %left, 1
  %count = lshr i64 %more, 1
  %middle = sub i64 %end, %count
  %new.end = shl i64 %middle, 16
  %kept.range = or i64 %new.end, %first
  %kept = or i64 %loop, %kept.range
  %swap = cmpxchg ptr %theirs, i64 %share, i64 %kept acq_rel acquire
  %won = extractvalue { i64, i1 } %swap, 1
  br i1 %won, label %keep, label %look
keep:
  %old.end = shl i64 %end, 16
  %taken.range = or i64 %old.end, %middle
  %taken = or i64 %loop, %taken.range
  store atomic i64 %taken, ptr %mine release, align 8
  ret i1 true
next:
  %further = add i32 %offset, 1
  br label %victim
none:
  ret i1 false
}

; Run parts of a loop until none is left to take.
define internal void @work(i32 %me, i32 %number) {
entry:
  %number.wide = zext i32 %number to i64
  %loop = shl i64 %number.wide, 32
  %mine = getelementptr [$threads x [8 x i64]], ptr @shares, i32 0, i32 %me, i32 0
  br label %look
look:
  %ran = phi i32 [ 0, %entry ], [ %ran, %refill ], [ %ran, %take ], [ %more, %count ]
  %share = load atomic i64, ptr %mine acquire, align 8
  %of = and i64 %share, -4294967296
  %present = icmp eq i64 %of, %loop
  %first.wide = and i64 %share, 65535
  %first = trunc i64 %first.wide to i32
  %shifted = lshr i64 %share, 16
  %end = and i64 %shifted, 65535
  %left = icmp slt i64 %first.wide, %end
  %some = and i1 %present, %left
  br i1 %some, label %take, label %refill
take:
  %rest = add i64 %share, 1
  %swap = cmpxchg ptr %mine, i64 %share, i64 %rest acq_rel acquire
  %won = extractvalue { i64, i1 } %swap, 1
  br i1 %won, label %run, label %look
run:
  %call = load ptr, ptr @function
  %argument = load ptr, ptr @data
  %status = call i32 %call(i32 %first, ptr @environment, ptr %argument)
  %good = icmp eq i32 %status, 0
  br i1 %good, label %count, label %bad
bad:
  store atomic i32 1, ptr @failed monotonic, align 4
  br label %count
count:
  %more = add i32 %ran, 1
  br label %look
refill:
  %found = call i1 @steal(i32 %me, i64 %loop)
  br i1 %found, label %look, label %report
report:
  %before = atomicrmw sub ptr @pending, i32 %ran acq_rel
  %last = icmp eq i32 %before, %ran
  %worked = icmp ne i32 %ran, 0
  %finishes = and i1 %last, %worked
  br i1 %finishes, label %finish, label %end.work
finish:
  %round = load atomic i32, ptr @round monotonic, align 4
  store atomic i32 %round, ptr @done seq_cst, align 4
  call void @wake(ptr @done, ptr @joining)
  br label %end.work
end.work:
  ret void
}

; What the compiled code calls for each parallel loop.
define i32 @launch(ptr %call, ptr %argument, i32 %ignored) {
entry:
  store ptr %call, ptr @function
  store ptr %argument, ptr @data
  store atomic i32 0, ptr @failed monotonic, align 4
  store atomic i32 $parts, ptr @pending monotonic, align 4
  %last = load atomic i32, ptr @round monotonic, align 4
  %number = add i32 %last, 1
  %number.wide = zext i32 %number to i64
  %loop = shl i64 %number.wide, 32
$fill
  %before = atomicrmw add ptr @round, i32 1 seq_cst
  call void @wake(ptr @round, ptr @sleepers)
  call void @work(i32 0, i32 %number)
  %yields = load atomic i32, ptr @yields monotonic, align 4
  %now = call i32 @await(ptr @done, i32 %before, ptr @joining, i32 %yields)
  %status = load atomic i32, ptr @failed acquire, align 4
  %good = icmp eq i32 %status, 0
  br i1 %good, label %end, label %bad
bad:
  call void @TVMFFIErrorSetRaisedFromCStr(ptr @kind, ptr @message)
  ret i32 -1
end:
  ret i32 0
}

; What each further thread runs, until @stop.
define void @serve(i32 %me) {
entry:
  br label %wait
wait:
  %seen = phi i32 [ 0, %entry ], [ %now, %run ]
  %now = call i32 @await(ptr @round, i32 %seen, ptr @sleepers, i32 0)
  %stop = load atomic i32, ptr @stopped acquire, align 4
  %over = icmp ne i32 %stop, 0
  br i1 %over, label %end, label %run
run:
  call void @work(i32 %me, i32 %now)
  br label %wait
end:
  ret void
}

; How long threads wait awake: both spin, and who called yields thereafter.
define void @set_waiting(i32 %spins, i32 %yields) {
  store atomic i32 %spins, ptr @spins monotonic, align 4
  store atomic i32 %yields, ptr @yields monotonic, align 4
  ret void
}

define void @stop() {
  store atomic i32 1, ptr @stopped release, align 4
  %before = atomicrmw add ptr @round, i32 1 seq_cst
  call void @wake(ptr @round, ptr @sleepers)
  ret void
}
""")

# Of TVM's calling convention: gives a function's address.
_ADDRESS = Template("""
define i32 @__tvm_ffi_$name(ptr %self, ptr %arguments, i32 %count, ptr %result) {
  store i32 4, ptr %result
  %value = getelementptr i8, ptr %result, i64 8
  store ptr @$name, ptr %value
  ret i32 0
}
""")

# Functions whose addresses the module gives.
ENTRIES = ("launch", "serve", "set_waiting", "stop", "watch")


def thread_pool_code(threads: int, parts: int) -> str:
    """The module's text, without the header that names the machine."""
    machine = platform.machine()
    bounds = [parts * k // threads for k in range(threads + 1)]
    fill = "\n".join(
        f"  %share.{k} = or i64 %loop, {first | end << 16}\n"
        f"  store atomic i64 %share.{k}, "
        f"ptr getelementptr ([{threads} x [8 x i64]], ptr @shares, i32 0, i32 {k}, i32 0)"
        " release, align 8"
        for k, (first, end) in enumerate(pairwise(bounds))
    )
    code = _CODE.substitute(
        threads=threads,
        parts=parts,
        fill=fill,
        pause=_PAUSE.get(machine, ""),
        declared=_DECLARED.get(machine, ""),
        futex=_FUTEX.get(machine, 98),
        wait=_WAIT,
        wake=_WAKE,
    )
    return code + "".join(_ADDRESS.substitute(name=name) for name in ENTRIES)
