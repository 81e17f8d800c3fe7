//! Builtins that read what the program was given, write or end the program.

use super::super::func::Fx;
use super::super::runtime::Rt;
use super::{Call, Typed};
use crate::types::Ty;

impl<'a> Fx<'_, 'a> {
    pub(crate) fn call_print(&mut self, call: Call<'a>) -> Typed {
        Typed { v: self.print_expr(call.args), ty: call.want }
    }

    pub(crate) fn call_eprint(&mut self, call: Call<'a>) -> Typed {
        self.eprint(call.args);
        self.nothing()
    }

    /// The call's value is the argument's.
    pub(crate) fn call_json(&mut self, call: Call<'a>) -> Typed {
        let [a] = self.args(call);
        self.rt_word_desc(Rt::json_val, a.v, a.ty);
        Typed { v: self.as_ty(a, Ty::ANY), ty: Ty::UNIT }
    }

    /// The lines that are left.
    pub(crate) fn call_lines(&mut self, _: Call<'a>) -> Typed {
        self.strings(Rt::read_lines)
    }

    pub(crate) fn call_args(&mut self, _: Call<'a>) -> Typed {
        self.strings(Rt::args_list)
    }

    pub(crate) fn call_exit(&mut self, call: Call<'a>) -> Typed {
        let [code] = self.args(call);
        self.end_by(Rt::exit_with, code.v);
        self.nothing()
    }

    pub(crate) fn call_panic(&mut self, call: Call<'a>) -> Typed {
        let [a] = self.args(call);
        let message = self.str_of(a);
        self.end_by(Rt::panic_msg, message);
        self.nothing()
    }

    /// The message is evaluated where the condition does not hold.
    pub(crate) fn call_assert(&mut self, call: Call<'a>) -> Typed {
        let [condition, message] = call.args else { unreachable!("the checker adds the message") };
        let (ok, fail) = (self.b.new_block(), self.b.new_cold_block());
        self.branch(condition, ok, fail);
        self.enter(fail);
        let (v, ty) = (self.expr(message), self.ty(message.ty));
        let message = self.str_of(Typed { v, ty });
        self.rt_void(Rt::panic_msg, &[message]);
        self.b.unreachable();
        self.enter(ok);
        self.nothing()
    }

    /// A new list of strings.
    fn strings(&mut self, function: Rt) -> Typed {
        let list = self.lw.types.types.list(Ty::STR);
        let desc = self.desc(list);
        Typed { v: self.rt(function, &[desc]), ty: list }
    }

    fn nothing(&mut self) -> Typed {
        Typed { v: self.unit(), ty: Ty::UNIT }
    }
}
