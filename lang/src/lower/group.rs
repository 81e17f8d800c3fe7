//! `group by`: rows are collected into group objects in the order in which keys first appear.
//!
//! A map from the key to its group finds the group of a row; the list of groups keeps the order.

use super::func::Fx;
use super::join::Stage;
use super::repr::Repr;
use super::runtime::Rt;
use crate::tree::{Group, Query};
use crate::types::{Ty, TyKind};
use mochi_ir::{Type, Value};

impl<'a> Fx<'_, 'a> {
    /// Emits the loops that fill the list of groups, of a resolved group type.
    pub(crate) fn collect_groups(
        &mut self,
        q: &'a Query,
        group: &'a Group,
        stages: &[Stage<'a>],
        groups: Value,
        ty: Ty,
    ) {
        let (key, item) = self.group_types(ty);
        let map_ty = self.lw.types.types.intern(TyKind::Map(key, ty));
        let items_ty = self.lw.types.types.list(item);
        let layout = self.lw.group_layout(key);
        let (key_at, items_at) = (i64::from(layout.offsets[0]), i64::from(layout.offsets[1]));
        let (key_region, items_region) = (self.lw.group_region("key"), self.lw.group_region("items"));
        let desc = self.lw.desc(ty);
        let map_desc = self.desc(map_ty);
        let map = self.rt(Rt::map_new, &[map_desc]);
        self.loops_over(stages, q.filter.as_ref(), &mut |fx| {
            let k = fx.keep_as(&group.key, key);
            let v = fx.keep_as(&group.item, item);
            let slot = fx.map_slot(key, map, k);
            let found = fx.load_map_slot(Repr::Ref, slot);
            let missing = fx.is_none(Repr::Ref, found);
            let (make, join) = (fx.b.new_block(), fx.b.new_block());
            let object = fx.b.declare_var(Type::Ref);
            fx.b.def_var(object, found);
            fx.brif(missing, make, join);
            fx.enter(make);
            let fresh = fx.alloc(&layout, desc);
            // Keys are values: what happens to the object later does not change the group's.
            let own = fx.copy_key(key, k);
            fx.store_slot(fresh, own, key_at, key_region);
            let items = fx.new_list(items_ty, 0);
            fx.store_slot(fresh, items, items_at, items_region);
            fx.store_map_slot(slot, fresh);
            fx.push(ty, groups, fresh);
            fx.b.def_var(object, fresh);
            fx.b.jump(join, &[]);
            fx.enter(join);
            let object = fx.b.use_var(object);
            let items = fx.load_slot(Repr::Ref, object, items_at, items_region);
            fx.push(item, items, v);
        });
    }
}
