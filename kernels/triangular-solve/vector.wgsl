// A thread owns four neighbouring columns.
alias V = vec4f;
